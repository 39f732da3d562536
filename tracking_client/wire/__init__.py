"""The wire of MLflow's REST API: values, limits and names, shared by client and server. Pure."""
