"""Upgrades while the site runs: kinds of migrations, locks with a limit, backfills, releases, and where one stands."""
