"""How models of each framework are saved, logged and loaded, for `tracking_client.sklearn` and its like."""
