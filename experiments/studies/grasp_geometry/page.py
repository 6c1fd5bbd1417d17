def sections(study):
  return iter(())


def claims(study):
  return ()
