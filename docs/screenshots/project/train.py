"""Behaves like a training: the pictures of the docs need curves, not a network."""

import math
import random
import sys

import tracking_client

EPOCHS = 60
NOISE = 0.03

lr, layers, optimizer = float(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
best = {"adam": 0.0, "sgd": 0.08, "rmsprop": 0.03}[optimizer]
floor = 0.3 + best + 0.25 * abs(math.log10(lr) + 2.2) + 0.06 * abs(layers - 3)

with tracking_client.start_run() as run:
    print(f"\x1b[1mtraining\x1b[0m {layers} layers with {optimizer}, learning rate {lr:.4g}")
    for epoch in range(EPOCHS):
        loss = floor + 1.2 * math.exp(-epoch / 9) + NOISE * random.random()
        tracking_client.log_metric("val_loss", loss, step=epoch)
        tracking_client.log_metric("train/loss", 0.92 * loss, step=epoch)
        tracking_client.log_metric("train/accuracy", 1 - loss / 3, step=epoch)
        if epoch % 10 == 9:
            print(f"epoch {epoch + 1:>3}  \x1b[32mval_loss {loss:.4f}\x1b[0m")
    rows = "".join(f"{quality},{random.randint(20, 90)},{random.random():.3f}\n" for quality in range(3, 9))
    tracking_client.log_text(f"quality,samples,error\n{rows}", "tables/errors.csv")
    tracking_client.log_dict({"optimizer": optimizer, "layers": layers, "lr": lr}, "config.json")
