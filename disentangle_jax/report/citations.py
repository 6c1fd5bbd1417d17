"""BibTeX of the methods, scores and statistics that a report uses."""

from collections.abc import Iterable

from disentangle_jax import metrics

ENTRIES = {
  'kingma2014auto': """@inproceedings{kingma2014auto,
  title = {Auto-Encoding Variational {Bayes}},
  author = {Kingma, Diederik P. and Welling, Max},
  booktitle = {International Conference on Learning Representations},
  year = {2014}
}""",
  'higgins2017beta': """@inproceedings{higgins2017beta,
  title = {beta-{VAE}: Learning Basic Visual Concepts with a Constrained
           Variational Framework},
  author = {Higgins, Irina and Matthey, Loic and Pal, Arka and Burgess,
            Christopher and Glorot, Xavier and Botvinick, Matthew and Mohamed,
            Shakir and Lerchner, Alexander},
  booktitle = {International Conference on Learning Representations},
  year = {2017}
}""",
  'burgess2018understanding': """@misc{burgess2018understanding,
  title = {Understanding disentangling in beta-{VAE}},
  author = {Burgess, Christopher P. and Higgins, Irina and Pal, Arka and
            Matthey, Loic and Watters, Nick and Desjardins, Guillaume and
            Lerchner, Alexander},
  year = {2018},
  eprint = {1804.03599},
  archivePrefix = {arXiv}
}""",
  'peychev2017quantifying': """@misc{peychev2017quantifying,
  title = {Quantifying the Effects of Enforcing Disentanglement on Variational
           Autoencoders},
  author = {Peychev, Momchil and Veli{\\v{c}}kovi{\\'c}, Petar and Li{\\`o},
            Pietro},
  year = {2017},
  eprint = {1711.09159},
  archivePrefix = {arXiv}
}""",
  'kim2018disentangling': """@inproceedings{kim2018disentangling,
  title = {Disentangling by Factorising},
  author = {Kim, Hyunjik and Mnih, Andriy},
  booktitle = {International Conference on Machine Learning},
  year = {2018}
}""",
  'chen2018isolating': """@inproceedings{chen2018isolating,
  title = {Isolating Sources of Disentanglement in Variational Autoencoders},
  author = {Chen, Ricky T. Q. and Li, Xuechen and Grosse, Roger and Duvenaud,
            David},
  booktitle = {Advances in Neural Information Processing Systems},
  year = {2018}
}""",
  'kumar2018variational': """@inproceedings{kumar2018variational,
  title = {Variational Inference of Disentangled Latent Concepts from Unlabeled
           Observations},
  author = {Kumar, Abhishek and Sattigeri, Prasanna and Balakrishnan, Avinash},
  booktitle = {International Conference on Learning Representations},
  year = {2018}
}""",
  'eastwood2018framework': """@inproceedings{eastwood2018framework,
  title = {A Framework for the Quantitative Evaluation of Disentangled
           Representations},
  author = {Eastwood, Cian and Williams, Christopher K. I.},
  booktitle = {International Conference on Learning Representations},
  year = {2018}
}""",
  'ridgeway2018learning': """@inproceedings{ridgeway2018learning,
  title = {Learning Deep Disentangled Embeddings With the F-Statistic Loss},
  author = {Ridgeway, Karl and Mozer, Michael C.},
  booktitle = {Advances in Neural Information Processing Systems},
  year = {2018}
}""",
  'suter2019robustly': """@inproceedings{suter2019robustly,
  title = {Robustly Disentangled Causal Mechanisms: Validating Deep
           Representations for Interventional Robustness},
  author = {Suter, Raphael and Miladinovic, Djordje and Sch{\\"o}lkopf, Bernhard
            and Bauer, Stefan},
  booktitle = {International Conference on Machine Learning},
  year = {2019}
}""",
  'duan2020unsupervised': """@inproceedings{duan2020unsupervised,
  title = {Unsupervised Model Selection for Variational Disentangled
           Representation Learning},
  author = {Duan, Sunny and Matthey, Loic and Saraiva, Andre and Watters, Nick
            and Burgess, Chris and Lerchner, Alexander and Higgins, Irina},
  booktitle = {International Conference on Learning Representations},
  year = {2020}
}""",
  'locatello2019challenging': """@inproceedings{locatello2019challenging,
  title = {Challenging Common Assumptions in the Unsupervised Learning of
           Disentangled Representations},
  author = {Locatello, Francesco and Bauer, Stefan and Lucic, Mario and
            R{\\"a}tsch, Gunnar and Gelly, Sylvain and Sch{\\"o}lkopf, Bernhard
            and Bachem, Olivier},
  booktitle = {International Conference on Machine Learning},
  year = {2019}
}""",
  'agarwal2021deep': """@inproceedings{agarwal2021deep,
  title = {Deep Reinforcement Learning at the Edge of the Statistical
           Precipice},
  author = {Agarwal, Rishabh and Schwarzer, Max and Castro, Pablo Samuel and
            Courville, Aaron C. and Bellemare, Marc G.},
  booktitle = {Advances in Neural Information Processing Systems},
  year = {2021}
}""",
}
METHODS = {
  'vae': ('kingma2014auto',),
  'beta_vae': ('higgins2017beta',),
  'annealed_vae': ('burgess2018understanding',),
  'factor_vae': ('kim2018disentangling',),
  'beta_tcvae': ('chen2018isolating',),
  'dip_vae_i': ('kumar2018variational',),
  'dip_vae_ii': ('kumar2018variational',),
  'raw_pixels': ('higgins2017beta',),
  'pca': ('higgins2017beta',),
  'ica': ('higgins2017beta',),
  'untrained_vae': ('higgins2017beta',),
}
# By the module that a score comes from (its CITATION says it in words).
METRICS = {
  'mig_binned': ('chen2018isolating',),
  'mig_posterior': ('chen2018isolating',),
  'factor_vae_score': ('kim2018disentangling',),
  'beta_vae_score': ('higgins2017beta',),
  'beta_vae_score_changed': ('higgins2017beta', 'peychev2017quantifying'),
  'sap': ('kumar2018variational',),
  'dci_gbt': ('eastwood2018framework',),
  'dci_lasso': ('eastwood2018framework',),
  'dci_forest': ('eastwood2018framework',),
  'modularity': ('ridgeway2018learning',),
  'explicitness': ('ridgeway2018learning',),
  'irs': ('suter2019robustly',),
  'udr': ('duan2020unsupervised',),
  'digit_svm': ('peychev2017quantifying',),
}
ALWAYS = ('locatello2019challenging', 'agarwal2021deep')


def of_method(method: str) -> tuple[str, ...]:
  """Keys of one method, whatever the sweep set apart: 'vae (net=mlp)'."""
  return METHODS.get(method.partition(' (')[0], ())


def of_score(score: str) -> tuple[str, ...]:
  """Keys of one score: 'udr_lasso', 'kl/3'; none of what is not known."""
  owner = {row.name: row.metric for row in metrics.describe()}
  module = owner.get(score) or owner.get(score.partition('/')[0], '')
  return METRICS.get(module, ())


def keys(methods: Iterable[str], scores: Iterable[str]) -> tuple[str, ...]:
  """Keys of ENTRIES to cite for these methods and scores, each once."""
  cited = [key for method in methods for key in of_method(method)]
  cited += [key for score in scores for key in of_score(score)]
  return tuple(dict.fromkeys([*cited, *ALWAYS]))


def bibtex(found: Iterable[str]) -> str:
  """The entries of these keys as one BibTeX file."""
  return '\n\n'.join(ENTRIES[key] for key in found) + '\n'
