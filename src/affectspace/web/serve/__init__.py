"""The service that embeds what programs send it: `affectspace serve`."""
