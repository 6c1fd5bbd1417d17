"""What finished runs say of papers' claims: published value beside ours.

  python -m experiments.claims --workdir=runs/attack
  python -m experiments.claims --workdir=runs/attack --write
  python -m experiments.claims --workdir=runs/arae,runs/arae_cross/only --write
  python -m experiments.claims

The first prints the claims of the study that a workdir holds, with verdict and
interval; several workdirs, arms that were run apart, are put together. --write
keeps them, and the study's own tables, in the study's `results/` in a clone.
The last prints what all studies have kept: the page docs/claims.md.
"""

import collections
from collections.abc import Iterator, Sequence
import json
import pathlib

from absl import flags

from disentangle_jax import errors, folders, methods, studies
from disentangle_jax.commands import cli

_KEPT = 'claims.json'
_HEAD = (
  '| claim | source | published | measured | verdict | seeds | study | date |\n'
  '|---|---|---|---|---|---|---|---|'
)


def kept(key: str) -> list[dict]:
  """The claims in a study's `results/`; none where nothing was kept.

  Raises:
    ConfigError: no such study.
    StoreError: a file that cannot be read.
  """
  path = studies.folder(key) / 'results' / _KEPT
  try:
    return json.loads(path.read_text(encoding='utf-8'))
  except FileNotFoundError:
    return []
  except (OSError, ValueError) as error:
    raise errors.StoreError(f'{path}: cannot be read: {error}') from error


def _cell(text: object) -> str:
  return str(text).replace('|', '\\|').replace('\n', ' ')


def _rows(entries: list[dict], key: str) -> Iterator[str]:
  for entry in entries:
    verdict = ': '.join(filter(None, (entry['verdict'], entry['note'])))
    cells = (
      entry['statement'],
      entry['source'],
      entry['published'],
      entry['measured'],
      f'**{verdict}**',
      entry['seeds'],
      f'[{entry.get("variant") or key}]'
      f'(../experiments/studies/{key}/README.md)',
      entry.get('date', ''),
    )
    yield f'| {" | ".join(map(_cell, cells))} |'


def page() -> str:
  """docs/claims.md: every kept claim, and the methods without one."""
  by_study = {key: kept(key) for key in studies.folders()}
  rows = [line for key, own in by_study.items() for line in _rows(own, key)]
  covered = {
    method
    for own in by_study.values()
    for entry in own
    for method in entry.get('methods', ())
  }
  without = sorted(set(methods.METHODS) - covered)
  commands = dict.fromkeys(
    f'- {entry.get("variant") or key}: `{entry["command"]}`'
    for key, own in by_study.items()
    for entry in own
    if entry.get('command')
  )
  return '\n'.join(
    [
      '# Claims',
      '',
      'What papers say and what runs of this project say of it. Made by',
      '`python -m experiments.claims`; not written by hand. Measured: the',
      "number of the claim's rule with its 95 % interval over seeds. The rules",
      "stand in each study's `page.py`. The studies below were first run on",
      '2026-11-22, before claims had a form: their rules are the general ones',
      '(differences paired over seeds whose 95 % interval leaves 0 out), but',
      'they restate verdicts that were known, and predict nothing. A study',
      'named `..._laptop` is not of the published size.',
      '',
      'Holds: the interval lies on the claimed side. Does not hold: on the',
      'other side. Not shown: on neither, or too few seeds. Void: a guard',
      'against degenerate solutions fails.',
      '',
      *([_HEAD, *rows] if rows else ['No study has kept claims yet.']),
      '',
      *(['How each was run:', '', *commands, ''] if commands else []),
      f'Methods that no kept claim is about: {", ".join(without) or "none"}.',
    ]
  )


def index() -> str:
  """docs/studies.md: every study with its variants, runs and verdicts."""
  lines = [
    '# Studies',
    '',
    'Made by `python -m experiments.claims --index`; not written by hand. One',
    'command each: `python -m experiments.sweep --config=NAME[:variant]',
    '--workdir=DIR`. No variant is the full size of the paper; `:laptop` takes',
    'at most half an hour on two cores; `:smoke` a minute.',
    '',
    '| study | what it asks | variants (runs, programs) | verdicts |',
    '|---|---|---|---|',
  ]
  for key, path in studies.folders().items():
    module = studies.config_module(key)
    verdicts = collections.Counter(entry['verdict'] for entry in kept(key))
    variants = '; '.join(
      f'{f"`:{variant}`" if variant else "full"} ({runs:,}, {programs})'
      for variant, (runs, programs) in module.EXPECTED.items()
    )
    readme = 'README.md' if (path / 'README.md').exists() else 'config.py'
    cells = (
      f'[{key}](../experiments/studies/{key}/{readme})',
      module.__doc__.strip().splitlines()[0],
      variants,
      ', '.join(f'{count} {word}' for word, count in verdicts.items()) or '-',
    )
    lines.append(f'| {" | ".join(map(_cell, cells))} |')
  lines += [
    '',
    'Without training: `python -m experiments.metric_behaviour`,',
    '[what noise, rotation, spreading and the like do to every metric]'
    '(../experiments/studies/metric_behaviour/README.md).',
  ]
  return '\n'.join(lines)


def _methods(study) -> list[str]:
  names = {name.split(' (')[0] for name in study.runs['method']}
  for part in study.earlier.values():
    names |= {name.split(' (')[0] for name in part.runs['method']}
  return sorted(names)


def _together(
  before: list[dict], fresh: list[dict], variant: str
) -> list[dict]:
  """Kept claims and those of one more workdir, each statement once.

  A study may have parts that are sweeps of their own: what another part
  decided stays, and what this one did not run does not replace it.
  """
  entries = {
    entry['statement']: entry
    for entry in before
    if entry.get('variant', '') != variant
  }
  for entry in fresh:
    if entry['verdict'] != 'not run' or entry['statement'] not in entries:
      entries[entry['statement']] = entry
  return list(entries.values())


def _claims_of(study, workdirs: Sequence[pathlib.Path]):
  named = ','.join(map(str, workdirs))
  return studies.claims_module(study.infos, '--workdir', named)


def write(workdirs: Sequence[pathlib.Path]) -> list[pathlib.Path]:
  """Keeps a workdir's claims and own tables in its study's `results/`.

  Args:
    workdirs: of a packaged study; arms that were run apart are put together.

  Returns:
    The files.

  Raises:
    ConfigError: the workdir is of no packaged study, or of one without claims.
    StoreError: nothing to read, or a folder that cannot be written.
  """
  from disentangle_jax.report import claims, tables

  study = tables.load(workdirs)
  key = studies.of_infos(study.infos)
  module = _claims_of(study, workdirs)
  info = study.infos[0]
  fresh = claims.record(
    study,
    tuple(module.claims(study)),
    command=info.get('command', ''),
    date=str(info.get('finished') or info.get('started') or '')[:10],
    variant=info.get('study', ''),
    methods=_methods(study),
  )
  entries = _together(kept(key), fresh, info.get('study', ''))
  folder = studies.folder(key) / 'results'
  path = folder / _KEPT
  try:
    folder.mkdir(exist_ok=True)
    path.write_text(json.dumps(entries, indent=1) + '\n', encoding='utf-8')
  except OSError as error:
    raise errors.StoreError(f'{path}: cannot be written: {error}') from error
  return [path, *_own_tables(study, module, folder)]


def _own_tables(study, module, folder) -> list[pathlib.Path]:
  """The study's own sections as Markdown, its figures as PNG."""
  import matplotlib.figure

  from disentangle_jax.report import markdown, section, style

  extra = studies.own_sections(module)
  files, links = [], {}
  with style.use():
    own = list(extra(study))
    for part in section.walk(own):
      if isinstance(part.body, matplotlib.figure.Figure):
        files.append(folder / f'{part.key}.png')
        part.body.savefig(files[-1], facecolor='white')
        links[part.key] = files[-1].name
  name = str(study.infos[0].get('study') or 'tables')
  path = folder / f'{name}.md'
  path.write_text(f'# {name}\n\n{markdown.render(own, links)}\n', 'utf-8')
  return [path, *files]


def main(argv):
  """See the module docstring."""
  cli.no_words(argv)
  if not flags.FLAGS.workdir:
    print(index() if flags.FLAGS.index else page())
    return
  workdirs = [folders.workdir(path) for path in flags.FLAGS.workdir]
  if flags.FLAGS.write:
    for path in write(workdirs):
      print(path)
    return
  from disentangle_jax.report import claims, markdown, tables

  study = tables.load(workdirs)
  module = _claims_of(study, workdirs)
  print(markdown.render(list(claims.sections(study, module.claims(study))), {}))


def run() -> None:
  """The command itself."""
  flags.DEFINE_list('workdir', [], 'Directories of finished sweeps.')
  flags.DEFINE_bool('write', False, "Keep them in the study's results/.")
  flags.DEFINE_bool('index', False, 'Print docs/studies.md instead.')
  cli.run(main, __doc__)
