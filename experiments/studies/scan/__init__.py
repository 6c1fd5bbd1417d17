"""SCAN: do operators on grounded symbols make new concepts?"""
