"""Completion in a shell: commands, what `list` knows, and studies by name."""

from collections.abc import Sequence

from disentangle_jax import errors, studies
from disentangle_jax.commands import cli

_BASH = """_disentangle() {{
  local word=${{COMP_WORDS[COMP_CWORD]}}
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W "{commands}" -- "$word"))
    return
  fi
  case "${{COMP_WORDS[1]}}" in
    sweep|compile-for|benchmark|fleet)
      COMPREPLY=($(compgen -f -W "{studies}" -- "$word"));;
    list) COMPREPLY=($(compgen -W "{kinds}" -- "$word"));;
    show-data) COMPREPLY=($(compgen -W "{datasets}" -- "$word"));;
    *) COMPREPLY=($(compgen -f -- "$word"));;
  esac
}}
complete -o default -F _disentangle disentangle"""
# zsh reads bash's functions after this.
_ZSH = 'autoload -U +X bashcompinit && bashcompinit\n'
SHELLS = ('bash', 'zsh')


def script(shells: Sequence[str], commands: Sequence[str]) -> str:
  """What a shell evaluates to complete names.

  Args:
    shells: one of SHELLS.
    commands: names of commands.

  Returns:
    Lines of shell.
  """
  # Slow to import.
  from disentangle_jax import data
  from disentangle_jax.commands import listing

  if len(shells) != 1 or shells[0] not in SHELLS:
    cli.fail(str(errors.choices('completion', ' '.join(shells), SHELLS)))
  text = _BASH.format(
    commands=' '.join(commands),
    studies=' '.join(studies.folders()),
    kinds=' '.join(listing.KINDS),
    datasets=' '.join(data.DATASETS),
  )
  return _ZSH + text if shells[0] == 'zsh' else text
