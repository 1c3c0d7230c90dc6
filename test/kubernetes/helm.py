"""Helm on a cluster, that of KUBECONFIG: `helm.py install|upgrade CHART VALUES` or `helm.py uninstall`; release `kuma` in `kuma-system`."""

import json
import os
import sys

import helm_python as helm

task, *arguments = sys.argv[1:]
namespace = "kuma-system"
with helm.Config(kubeconfig_path=os.environ["KUBECONFIG"], namespace=namespace) as config:
    if task == "uninstall":
        release = config.uninstall("kuma", wait="watcher", timeout=180)
    else:
        chart, values = arguments
        settings = {"namespace": namespace, "wait": "watcher", "timeout": 180}
        with helm.Chart.load(chart) as loaded:
            if task == "install":
                release = config.install(loaded, "kuma", json.loads(values), create_namespace=True, **settings)
            else:
                release = config.upgrade(loaded, "kuma", json.loads(values), **settings)
print("ok")
