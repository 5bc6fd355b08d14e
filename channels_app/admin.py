"""Load the console's pages of channels; Django's autodiscovery imports this module."""

from channels_app.approver_channels import admin as addresses
from channels_app.kit.admin import channels
