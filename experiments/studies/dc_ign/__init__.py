"""DC-IGN: batches in which one kind of factor varies, against a VAE."""
