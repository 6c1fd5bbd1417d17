#!/bin/bash
# A study on Slurm: one process per host, put back into the queue until done.
# Not run: checked by bash and shellcheck alone (tests/test_deploy.py).
#
#   WORKDIR=/shared/study sbatch deploy/slurm.sh
#
#SBATCH --job-name=disentangle
#SBATCH --nodes=4
#SBATCH --ntasks-per-node=1
#SBATCH --gpus-per-node=8
#SBATCH --time=24:00:00
# Slurm itself starts the job again after a lost node or a preemption.
#SBATCH --requeue
#SBATCH --open-mode=append
# Three minutes before the end: time for a window of steps and a checkpoint.
#SBATCH --signal=B:TERM@180
set -u

# A folder that all hosts see, or a bucket.
: "${WORKDIR:?say where results go, e.g. WORKDIR=/shared/study}"
CONFIG=${CONFIG:-unsupervised_study}
# A killed job leaves its lock in a bucket; a folder's ends with the process.
case "$WORKDIR" in *://*) more=(--take_over) ;; *) more=() ;; esac

stop() {
  # The steps, not this script: each host saves its chunk and ends.
  scancel --signal=TERM "$SLURM_JOB_ID"
  wait "$step"
  # --requeue does not count running out of time.
  scontrol requeue "$SLURM_JOB_ID"
  exit 0
}
trap stop TERM

# In the background: bash answers a signal only while it waits.
# Hosts are asked of Slurm; one that fails ends the others, which would wait.
srun --kill-on-bad-exit=1 disentangle sweep --distributed \
  --config="$CONFIG" --workdir="$WORKDIR" "${more[@]}" &
step=$!
wait "$step"
