#!/usr/bin/env sh
# Makes the secrets that docker-compose.yml needs, once, in a folder that only its owner can enter. Run from the project's root.
set -eu
umask 077
dir=deploy/secrets
mkdir -p "$dir"
random() { od -An -N24 -tx1 /dev/urandom | tr -d ' \n'; }
for name in mqtt_password simulator_password influx_password influx_token postgres_password; do
  [ -s "$dir/$name" ] || random > "$dir/$name"
done
# Mosquitto hashes the plain passwords of this file on the spot; mosquitto_passwd comes with its package.
if [ ! -s "$dir/passwords" ]; then
  printf 'anju:%s\nsimulator:%s\n' "$(cat "$dir/mqtt_password")" "$(cat "$dir/simulator_password")" > "$dir/passwords"
  if command -v mosquitto_passwd >/dev/null 2>&1; then
    mosquitto_passwd -U "$dir/passwords"
  else
    docker run --rm -v "$PWD/$dir:/s" eclipse-mosquitto:2.0.22 mosquitto_passwd -U /s/passwords
  fi
fi
# Compose mounts these files as they are, and the services run as users of their own: they must be able to read them.
# Nobody else can: the folder is its owner's alone.
chmod 700 "$dir"
chmod 444 "$dir"/*
echo "secrets are in $dir"
