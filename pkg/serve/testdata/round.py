"""Records how Python rounds dollars to cents: python round.py > round.json

Made with Python 3.11.7. Each item is a number, round(x, 2) as JSON writes it and
f"{x:.2f}".
"""

import json
import random

random.seed(1)
numbers = [0.0, -0.0, 1.0, 0.005, 0.015, 0.025, 0.125, 0.375, 1.005, 2.675, 25000.0, 1643690.9, 1565441.0449999999, 1565441.045, 0.001, -0.001, -2.5, 1e-7, 99999999999.995, 1e15, 1e16, 123456789012345.678, 9007199254740993.0, 1e22, 1.7e308]
numbers += [random.uniform(0, 4e6) for _ in range(200)]
numbers += [random.randrange(10**8) / 1000 for _ in range(200)]
numbers += [random.randrange(10**6) / 8 for _ in range(100)]
print(json.dumps([[x, json.dumps(round(x, 2)), f"{x:.2f}"] for x in numbers], indent=0))
