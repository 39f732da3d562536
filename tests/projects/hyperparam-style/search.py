import click


@click.command()
@click.option("--max-runs", type=int)
@click.option("--metric")
@click.option("--training-experiment-id")
@click.argument("training_data")
def search(training_data, max_runs, metric, training_experiment_id):
    print(training_data, max_runs, metric, training_experiment_id)


if __name__ == "__main__":
    search()
