"""The tracking server: MLflow's wire over a database and artifact stores."""
