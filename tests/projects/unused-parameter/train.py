import argparse

parser = argparse.ArgumentParser()
parser.add_argument("--learning-rate", type=float)
parser.parse_args()
