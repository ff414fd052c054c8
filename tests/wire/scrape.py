"""`/metrics` of the running server, as the official client for Prometheus reads it."""

import os

from checks import check, equal, finish, send
from prometheus_client.parser import text_string_to_metric_families

BASE = os.environ["SIXTY_URL"]
STATUS, HEAD, TEXT = send("GET", BASE + "/metrics")
FAMILIES = list(text_string_to_metric_families(TEXT))
KNOWN = {family.name: family for family in FAMILIES}


def one(name, **labels):
    found = [sample.value for family in FAMILIES for sample in family.samples
             if sample.name == name and labels.items() <= sample.labels.items()]
    equal(len(found), 1)
    return found[0]


def is_read():
    equal((STATUS, HEAD["content-type"]), (200, "text/plain; version=0.0.4; charset=utf-8"))
    assert len(KNOWN) == len(FAMILIES) >= 10, sorted(KNOWN)
    for family in FAMILIES:
        assert family.documentation and family.type in ("counter", "gauge", "histogram"), family
        seen = [(sample.name, tuple(sorted(sample.labels.items()))) for sample in family.samples]
        assert seen and len(seen) == len(set(seen)), family.name


def counts_turns():
    assert one("sixty_runs_ended_total", status="done") > 0
    tokens = KNOWN["sixty_model_tokens"].samples
    assert {sample.labels["kind"] for sample in tokens} == {"input", "cache_read", "cache_write", "output"}
    for sample in KNOWN["sixty_prompt_cache_read_share"].samples:
        assert 0 <= sample.value <= 1, sample


def has_whole_histograms():
    for family in (family for family in FAMILIES if family.type == "histogram"):
        series = {}
        for sample in family.samples:
            labels = {name: value for name, value in sample.labels.items() if name != "le"}
            series.setdefault(tuple(sorted(labels.items())), []).append(sample)
        for samples in series.values():
            buckets = [sample.value for sample in samples if sample.name.endswith("_bucket")]
            count = [sample.value for sample in samples if sample.name.endswith("_count")]
            assert buckets == sorted(buckets) and count == buckets[-1:], family.name


check("the official client reads the numbers, each once and described", is_read)
check("they count the turns that were made, and their tokens", counts_turns)
check("histograms are whole", has_whole_histograms)
finish()
