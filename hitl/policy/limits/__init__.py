"""Limits and weights: spending limits, risk scoring and compliance flags."""
