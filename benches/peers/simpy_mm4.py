"""One M/M/4 station in SimPy: arrival rate 3.2, service rate 1. Prints customers a second and the mean wait."""

import random
import sys
import time

import simpy


def run(customers, seed):
    chance = random.Random(seed)
    env = simpy.Environment()
    cores = simpy.Resource(env, capacity=4)
    waited = 0.0

    def customer():
        nonlocal waited
        came = env.now
        with cores.request() as served:
            yield served
            waited += env.now - came
            yield env.timeout(chance.expovariate(1.0))

    def arrivals():
        for _ in range(customers):
            yield env.timeout(chance.expovariate(3.2))
            env.process(customer())

    env.process(arrivals())
    env.run()
    return waited / customers


count = int(sys.argv[1])
rates, waits = [], []
for seed in range(3):
    began = time.perf_counter()
    waits.append(run(count, seed))
    rates.append(count / (time.perf_counter() - began))
print(sorted(rates)[1], sum(waits) / len(waits))
