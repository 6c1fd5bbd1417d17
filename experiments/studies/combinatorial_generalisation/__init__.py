"""Do models reconstruct combinations of factors that they never saw?"""
