"""Datasets: preference pairs from judged answers, frozen into versions that are named by their content.

It knows where each pair comes from, down to run and annotator. It judges nothing (annotations) and
trains nothing (training).
"""
