"""Figures and tables for a paper: names, formats, sizes, fonts."""

import re
import shutil
import subprocess

import made_up
import pandas as pd
import PIL.Image
import pytest

import disentangle_jax as dj
from disentangle_jax.report import display, paper_kit, printed, tables

SCORES = ('mig_binned', 'factor_vae_score')


@pytest.fixture(scope='module')
def workdir(tmp_path_factory):
  """A store of made-up numbers, six seeds."""
  rows = made_up.rows_of(seeds=6)
  return made_up.write_store(tmp_path_factory.mktemp('study'), rows)


@pytest.fixture(scope='module')
def kit(workdir, tmp_path_factory):
  folder = tmp_path_factory.mktemp('kit')
  paper_kit.write([workdir], folder, SCORES)
  return folder


def test_every_figure_comes_in_three_formats(kit):
  names = {path.name for path in kit.iterdir()}
  for score in SCORES:
    for kind in ('strength', 'runs'):
      assert {f'{kind}_{score}.{end}' for end in ('pdf', 'svg', 'png')} <= names
  assert {'table.tex', 'table.md', 'table.csv'} <= names


def test_fonts_are_embedded_and_sizes_are_those_of_a_column(kit):
  pdf = (kit / 'strength_mig_binned.pdf').read_bytes()
  assert b'/FontFile2' in pdf and b'/Type3' not in pdf.replace(b' ', b'')
  with PIL.Image.open(kit / 'strength_mig_binned.png') as image:
    assert image.width == round(300 * printed.WIDTHS['column'])
    assert round(image.info['dpi'][0]) == 300
  box = re.search(rb'/MediaBox \[ *0 +0 +([\d.]+)', pdf)
  assert float(box[1]) == pytest.approx(72 * printed.WIDTHS['column'])


def test_equal_input_gives_equal_files(workdir, kit, tmp_path):
  paper_kit.write([workdir], tmp_path, SCORES)
  for path in kit.iterdir():
    assert (tmp_path / path.name).read_bytes() == path.read_bytes(), path.name


def test_tables_hold_the_numbers_of_the_store_under_the_names_of_papers(
  workdir, kit
):
  table = pd.read_csv(kit / 'table.csv')
  assert {'MIG', 'MIG low', 'FactorVAE score'} <= set(table.columns)
  study = tables.load([workdir])
  column = list(study.scores.columns).index(('mig_binned', 'mean'))
  means = study.scores.iloc[:, column].groupby(study.runs['cell']).mean()
  assert table['MIG'].to_list() == pytest.approx(means.to_list())
  latex = (kit / 'table.tex').read_text()
  body = latex.split('\\midrule')[1].split('\\bottomrule')[0]
  lines = [line for line in body.splitlines() if line.strip()]
  assert len(lines) == len(table)
  heads = latex.split('\\toprule')[1].split('\\midrule')[0]
  assert {line.count(' & ') for line in lines} == {heads.count(' & ')}
  assert r'$\beta$' in latex and 'mig_binned' not in latex
  assert latex.count('$') % 2 == 0
  text = (kit / 'table.md').read_text()
  assert '$' not in text and '\u03b2' in text and '| MIG |' in text


def test_names_of_modules_and_of_a_config():
  names = display.Names({'beta_vae': 'Ours', 'kl': 'KL [nats]'})
  assert names.method('beta_vae (net=conv)') == 'Ours (net = conv)'
  assert names.method('beta_tcvae') == r'$\beta$-TCVAE'
  assert names.score('mig_binned') == 'MIG' and names.score('kl') == 'KL [nats]'
  assert names.score('reconstruction/nats') == 'reconstruction: nats'
  assert names.dataset('dsprites') == 'dSprites'
  assert names.hparam('dae.beta') == r'DAE: $\beta$'
  assert names.dataset('of_mine') == 'of mine'
  assert display.plain(r'$\gamma_\mathrm{sup}$') == '\u03b3_sup'
  assert display.latex('a_b & $c_d$') == r'a\_b \& $c_d$'
  infos = [{'config': {'display': {'kl': 'K'}}}, {}, {'config': {}}]
  assert display.of(infos).score('kl') == 'K'


def test_few_runs_are_dots_and_many_a_density(workdir, tmp_path, monkeypatch):
  drawn = []
  monkeypatch.setattr(
    paper_kit, 'strips', lambda axes, *rest: drawn.append(rest)
  )
  paper_kit.write([workdir], tmp_path / 'few', SCORES[:1])
  study = tables.load([workdir])
  least = study.runs['method'].value_counts().min()
  assert bool(drawn) == (least < paper_kit.FEW)
  monkeypatch.setattr(paper_kit, 'FEW', 10**6)
  paper_kit.write([workdir], tmp_path / 'all', SCORES[:1])
  assert drawn


def test_mistakes_are_one_line(workdir, tmp_path):
  with pytest.raises(dj.ConfigError, match="--width: unknown 'page'"):
    paper_kit.write([workdir], tmp_path, width='page')
  with pytest.raises(dj.ConfigError, match="--scores: unknown 'mig'"):
    paper_kit.write([workdir], tmp_path, ['mig'])


PAPER = r"""
\documentclass{article}
\usepackage{booktabs}
\usepackage{graphicx}
\begin{document}
\includegraphics[width=.48\linewidth]{strength_mig_binned.pdf}
\includegraphics[width=.48\linewidth]{runs_mig_binned.pdf}

\input{table.tex}
\end{document}
"""


@pytest.mark.slow
def test_a_paper_is_built_from_it(kit, tmp_path):
  if not shutil.which('pdflatex'):
    pytest.skip('pdflatex is not installed')
  shutil.copytree(kit, tmp_path, dirs_exist_ok=True)
  (tmp_path / 'paper.tex').write_text(PAPER)
  done = subprocess.run(
    ['pdflatex', '-interaction=nonstopmode', '-halt-on-error', 'paper.tex'],
    cwd=tmp_path,
    capture_output=True,
    text=True,
  )
  assert done.returncode == 0, done.stdout[-2000:]
  assert 'paper.pdf (1 page' in done.stdout.replace('\n', '')
  if shutil.which('pdffonts'):
    fonts = subprocess.check_output(['pdffonts', 'paper.pdf'], cwd=tmp_path)
    rows = fonts.decode().splitlines()
    begin = rows[0].index('emb')
    assert len(rows) > 3 and {row[begin:].split()[0] for row in rows[2:]} == {
      'yes'
    }
