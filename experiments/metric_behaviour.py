"""What noise, rotation, spreading and the like do to every metric of codes.

  python -m experiments.metric_behaviour
  python -m experiments.metric_behaviour --draws=5 --metrics=sap,irs --out=DIR
  python -m experiments.metric_behaviour --draw_only

Writes metric_behaviour.json, a page in Markdown and a figure per transform. A
later call with some metrics replaces these and leaves the others. Nothing is
trained: codes are made from factors.
"""

from disentangle_jax.studies.metric_behaviour import command

if __name__ == '__main__':
  command.run()
