"""Quality of calls: automatic checks on all, scoring by sample, appeals, errors, complaints about staff (QUA)."""
