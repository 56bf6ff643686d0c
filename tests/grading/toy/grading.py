"""A lista de brinquedo: um pouco de tudo o que uma lista pode ter."""

import numpy as np

from grading.assignment import Assignment, Check, Question, Written, close


def normal(answer, expected, inputs):
    shaped = isinstance(answer, np.ndarray) and answer.dtype.kind == "f" and answer.shape == (inputs["n"],)
    return bool(shaped and abs(answer.mean()) < 0.2 and abs(answer.std() - 1) < 0.2)


ASSIGNMENT = Assignment(
    title="Lista de brinquedo",
    chapter="sigmoide",
    minutes=10,
    questions=(
        Question(
            "q1",
            "O dobro",
            (
                Check("q1_vector", 1.0, "Some o vetor com ele mesmo.", lambda rng: {"x": rng.normal(size=4)}, close()),
                Check("q1_matrix", 0.5, "E uma matriz?", lambda rng: {"x": rng.normal(size=(2, 3))}),
            ),
        ),
        Question(
            "q2",
            "Uma amostra",
            (
                Check(
                    "q2_moments",
                    1.5,
                    "Confira a média e o desvio.",
                    lambda rng: {"n": int(rng.integers(900, 1100))},
                    normal,
                    needs_key=False,
                ),
            ),
        ),
        Written("q3", "Por escrito", 2.0, "Dois pontos para quem usa a definição; um para quem dá um exemplo."),
    ),
    withheld=("losses", "divergences.jsd"),
    seconds=6,
)
