"""Renders a chart with Helm: `render-chart.py CHART VALUES` prints {"files": {path: text}, "findings": [...]} or {"refused": why}."""

import json
import sys

import helm_python as helm

chart_path, values = sys.argv[1], json.loads(sys.argv[2])
try:
    with helm.Chart.load(chart_path) as chart:
        chart.validate_schema(values)
        files = chart.render(values, name="atoll", namespace="mesh")
    print(json.dumps({"files": files}))
except helm.HelmError as error:
    print(json.dumps({"refused": str(error)}))
