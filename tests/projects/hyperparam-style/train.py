import argparse

parser = argparse.ArgumentParser()
parser.add_argument("training_data")
parser.add_argument("--batch-size", type=int)
parser.add_argument("--epochs", type=int)
parser.add_argument("--learning-rate", type=float)
parser.add_argument("--momentum", type=float)
print(vars(parser.parse_args()))
