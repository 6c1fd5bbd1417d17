#!/bin/bash
# A study on a slice of TPUs, all hosts at once, started again until done.
# Not run: checked by bash and shellcheck alone (tests/test_deploy.py).
#
#   NAME=pod ZONE=ZONE WORKDIR=gs://bucket/study WHEEL=dist/disentangle_jax.whl \
#     deploy/tpu_pod.sh
#
set -euo pipefail

: "${NAME:?of the slice, which is made if it is missing}" "${ZONE:?of it}"
# The hosts of a slice share no disk.
: "${WORKDIR:?a bucket that the slice may write, e.g. gs://bucket/study}"
: "${WHEEL:?of the package: python -m build --wheel}"
CONFIG=${CONFIG:-unsupervised_study}
# As compile-for and fleet name it: v5e:4x4, four hosts.
TYPE=${TYPE:-v5litepod-16}
RUNTIME=${RUNTIME:-v2-alpha-tpuv5-lite}

tpu() { gcloud compute tpus tpu-vm "$1" "$NAME" --zone="$ZONE" "${@:2}"; }

make() {
  tpu create --accelerator-type="$TYPE" --version="$RUNTIME" --spot
}

install() {
  gcloud compute tpus tpu-vm scp "$WHEEL" "$NAME:" --zone="$ZONE" --worker=all
  tpu ssh --worker=all --command="
    pip install '$(basename "$WHEEL")[buckets]' 'jax[tpu]'"
}

train() {
  # The TPU runtime knows who is who. A preempted slice leaves its lock behind.
  tpu ssh --worker=all --command="
    PATH=\$HOME/.local/bin:\$PATH disentangle sweep --distributed \
      --config='$CONFIG' --workdir='$WORKDIR' --take_over"
}

for try in $(seq 100); do
  echo "try $try"
  state=$(tpu describe --format='value(state)' 2>/dev/null || true)
  # What is left of a preempted slice must go before another has its name.
  if [[ "$state" == PREEMPTED || "$state" == TERMINATED ]]; then
    tpu delete --quiet
    state=''
  fi
  if [[ "$state" ]] || make; then
    if install && train; then
      # A slice costs as long as it stands.
      tpu delete --quiet
      exit 0
    fi
  fi
  sleep 60
done
exit 1
