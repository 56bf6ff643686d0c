"""De um notebook a uma nota: o código do aluno roda numa caixa e só entrega respostas; a comparação é feita fora dela.

Um módulo para cada coisa, e as setas num sentido só::

    assignment   a lista: questões, pontos, entradas por aluno, comparações
    notebook     o .ipynb de um aluno, lido sem confiar nele
    make         de list.md ao notebook do aluno e ao gabarito
    wire         como uma resposta atravessa a parede da caixa
    inside       o programa que roda dentro da caixa (sozinho: não importa nada daqui, além de wire)
    seccomp      as chamadas ao sistema que a caixa nega
    runtime      o Python e a ganlib que se veem de dentro da caixa
    box          a caixa: bubblewrap e limites
    engine       uma entrega, uma linha; a turma inteira, nesta máquina ou com o Dask
    store        os resultados em disco, um arquivo por entrega, escritos assim que saem
    submissions  pasta, zip do Moodle, lista de alunos
    marks        notas à mão, atraso, entregas repetidas, total
    publish      planilhas, devolutivas e gráfico da turma

Importa numpy e nbformat; nunca torch nem ganlib, que só existem dentro da caixa.
"""
