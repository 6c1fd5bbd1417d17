"""JADE: a second data set with the same labels, where labels are few."""
