"""Covariance of codes as a penalty, against L1: how many codes stay in use."""
