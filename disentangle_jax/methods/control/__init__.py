"""Systems that act: grasping."""
