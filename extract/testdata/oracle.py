# Writes oracle.json, against which intervals, kappa and statistics are tested.
# Run with SciPy and statsmodels: python oracle.py > oracle.json
import json
import random
import sys

import numpy
import scipy
import statsmodels
from scipy.stats import binomtest
from statsmodels.stats.inter_rater import cohens_kappa
from statsmodels.stats.weightstats import DescrStatsW

random.seed(7)
out = {"made": {"python": sys.version.split()[0], "scipy": scipy.__version__, "statsmodels": statsmodels.__version__}}

out["wilson"] = []
for n in (1, 2, 5, 11, 21, 50, 148, 263, 1000, 100000):
    for k in sorted({0, 1, n // 3, n // 2, n - 1, n}):
        for level in (0.8, 0.95, 0.99):
            ci = binomtest(k, n).proportion_ci(confidence_level=level, method="wilson")
            out["wilson"].append({"k": k, "n": n, "level": level, "lo": ci.low, "hi": ci.high})

out["kappa"] = []
tables = [[[88, 14, 18], [10, 40, 10], [2, 6, 12]], [[75, 1, 4], [5, 4, 1], [0, 0, 10]], [[20, 5], [10, 15]], [[5, 0], [0, 5]], [[0, 7], [3, 0]]]
for size in (2, 3, 4, 6):
    for _ in range(3):
        tables.append([[random.randint(1, 40) for _ in range(size)] for _ in range(size)])
for t in tables:
    r = cohens_kappa(numpy.array(t))
    out["kappa"].append({"table": t, "kappa": float(r.kappa), "se": float(r.std_kappa), "se0": float(r.std_kappa0)})

out["stats"] = []
for n in (2, 3, 10, 41):
    x = [random.randint(1, 5) for _ in range(n)]
    out["stats"].append({"x": x, "mean": float(numpy.mean(x)), "sd": float(numpy.std(x, ddof=1)), "median": float(numpy.median(x))})

out["weighted"] = []
for n in (3, 10, 41):
    x = [random.randint(1, 5) for _ in range(n)]
    w = [round(random.uniform(0.2, 3), 3) for _ in range(n)]
    sw, sw2 = sum(w), sum(v * v for v in w)
    d = DescrStatsW(x, weights=w)
    share = sum(b for a, b in zip(x, w) if a == 3) / sw
    neff = sw * sw / sw2
    z = scipy.stats.norm.ppf(0.975)
    centre, half = share + z * z / (2 * neff), z * numpy.sqrt(share * (1 - share) / neff + z * z / (4 * neff * neff))
    out["weighted"].append({"x": x, "w": w, "mean": float(d.mean), "sd": float(numpy.sqrt(d.var * sw / (sw - sw2 / sw))), "effective": neff,
        "share3": share, "lo": float((centre - half) / (1 + z * z / neff)), "hi": float((centre + half) / (1 + z * z / neff))})

json.dump(out, sys.stdout, separators=(",", ":"))
print()
