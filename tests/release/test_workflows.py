"""Os fluxos são válidos, seguros e finos; e cada conferência vê o defeito que diz ver."""

import pytest
import yaml

from release import ROOT, workflows

FLOWS = ROOT / ".github" / "workflows"
GOOD = (FLOWS / "testes.yml").read_text("utf8")
KNOWN = workflows.targets((ROOT / "Makefile").read_text("utf8"))
CHECKOUT = "actions/checkout@df4cb1c069e1874edd31b4311f1884172cec0e10 # v6.0.3"

# o que se escreve no lugar de quê, e o que a conferência diz
PLANTED = [
    (CHECKOUT, "actions/checkout@v6", "não está presa a um commit"),
    (CHECKOUT, CHECKOUT.partition(" #")[0], "não está presa a um commit"),
    (CHECKOUT, CHECKOUT.replace("df4c", "0000") + f"\n      - uses: {CHECKOUT}", "presa a mais de um commit"),
    ("permissions:\n  contents: read", "permissions: write-all", "só lê"),
    ("permissions:\n  contents: read", "permissions:\n  contents: write", "só lê"),
    ("  cancel-in-progress: true", "", "concurrency"),
    ("    timeout-minutes: 180\n", "", "hora para parar"),
    ("run: make test", "run: pip install -e . && pytest", "ponha a lógica num script"),
    ("run: make test", "run: |\n          make test\n          echo pronto", "ponha a lógica num script"),
    ("run: make test", "run: make testar", "não tem o alvo «testar»"),
    ('TAG="$GITHUB_REF_NAME"', "TAG=${{ github.ref_name }}", "ponha a lógica num script"),
]


def test_the_workflows_of_the_repository_are_sound():
    assert workflows.problems() == []


@pytest.mark.parametrize(("right", "wrong", "said"), PLANTED, ids=[said for _, _, said in PLANTED])
def test_a_planted_fault_is_found(right, wrong, said):
    assert workflows.policy(GOOD, KNOWN) == []
    assert right in GOOD
    assert any(said in problem for problem in workflows.policy(GOOD.replace(right, wrong, 1), KNOWN))


@pytest.mark.parametrize(
    ("right", "wrong", "said"),
    [
        ("runs-on: ubuntu-24.04", "run-on: ubuntu-24.04", "check-jsonschema recusou"),
        ("run: make test", 'run: echo "${{ github.head_ref }}"', "template-injection"),
        ("persist-credentials: false", "fetch-tags: true", "artipacked"),
        ("  pull_request:", "  pull_request_target:", "dangerous-triggers"),
    ],
)
def test_the_schema_and_the_security_linter_see_what_our_rules_do_not(tmp_path, right, wrong, said):
    (tmp_path / "testes.yml").write_text(GOOD, "utf8")
    assert workflows.tools(tmp_path) == []
    assert right in GOOD
    (tmp_path / "testes.yml").write_text(GOOD.replace(right, wrong, 1), "utf8")
    assert any(said in problem for problem in workflows.tools(tmp_path))


def test_a_repository_without_workflows_is_reported(tmp_path):
    (tmp_path / "Makefile").write_text("test:\n")
    assert "não há fluxos" in workflows.problems(tmp_path)[0]


def test_tests_run_on_every_push_and_what_is_published_is_what_they_approved():
    """A main e as etiquetas passam pelos mesmos testes, chamados por quem publica, que só publica depois deles."""
    flows = {file.stem: yaml.load(file.read_text("utf8"), yaml.BaseLoader) for file in FLOWS.glob("*.yml")}
    assert flows["testes"]["on"]["push"] == {"branches-ignore": ["main"]}
    assert flows["publicar"]["on"]["push"] == {"branches": ["main"]}
    assert flows["lancamento"]["on"]["push"] == {"tags": ["v*"]}
    for name in ("publicar", "lancamento"):
        jobs = flows[name]["jobs"]
        assert jobs["testes"] == {"uses": "./.github/workflows/testes.yml", "with": {"keep": "true"}}
        assert all(job["needs"] == "testes" for key, job in jobs.items() if key != "testes")
    weekly = flows["semanal"]["jobs"]["notebooks"]
    assert weekly["strategy"]["matrix"]["python"] == ["3.11", "3.12", "3.13"]
    assert "cache" not in str(weekly["steps"])
    writers = {(n, j) for n, flow in flows.items() for j, job in flow["jobs"].items() if "permissions" in job}
    assert writers == {("publicar", "paginas"), ("publicar", "notebooks"), ("lancamento", "lancar")}
