"""What training costs on a machine: this engine, a plain loop, PyTorch."""
