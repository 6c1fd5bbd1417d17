"""Do disentangled eyes let an agent act where colours are exchanged?"""
