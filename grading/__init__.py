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
    archives     os arquivos de uma pasta ou de um zip, lidos sem confiar neles
    roster       a lista de alunos, e de quem é um nome de arquivo
    submissions  de quem é cada entrega
    sheets       planilhas CSV como o Excel em português as lê e grava
    pages        o que as páginas HTML têm em comum
    policy       o prazo, e qual das entregas de um aluno vale
    marks        as notas à mão
    gradebook    o total de cada aluno
    feedback     a devolutiva de cada aluno
    stats        os números e os gráficos da turma
    class_page   o retrato da turma
    moodle       o que o Moodle importa
    publish      escreve tudo o que sai

Importa numpy e nbformat; nunca torch nem ganlib, que só existem dentro da caixa.
"""
