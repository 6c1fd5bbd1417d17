"""What a code keeps of an image where only the mixture is held: InfoVAE."""
