"""Trials: a draft answers, and nothing leaves. No module here may reach proposing, replying or delivering."""
