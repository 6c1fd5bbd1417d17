"""Scores of a finished sweep as Markdown, with 95 % intervals over seeds.

  python -m experiments.tables --workdir=runs/study --scores=mig_binned,kl
  python -m experiments.tables --workdir=runs/attack --kind=grid \
      --scores=attack_target
  python -m experiments.tables --workdir=runs/study --kind=trend \
      --scores=mig_binned
  python -m experiments.tables --workdir=runs/study --kind=trend \\
      --scores=svm_accuracy --strengths=0,1,2 --pairs=0:0.1,0.1:4

scores: a row per setting, a column per score (all by default). grid: a score
that is a table ('attack_target/3_7': row 3, column 7), means over seeds, for
each setting. trend: a row per method; the deviation between seeds at equal
strength, the seed's share of the variance, the rank correlation of score and
strength, and for each pair a:b the mean at b minus that at a (by default from
the least to the largest strength). Intervals: 95 % percentile bootstrap over
seeds.
"""

from disentangle_jax.commands import result_tables

if __name__ == '__main__':
  result_tables.run()
