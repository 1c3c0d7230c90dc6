#!/bin/sh
# Makes the sealing keys that the replicas of global share, and self-signed certificates for the names of the compose file. Leaves what is there.
set -eu
keys=${1:?folder for the keys}
atollctl=${ATOLLCTL:-node --disable-warning=ExperimentalWarning /opt/atoll/atollctl.js}
mkdir -p "$keys/global"
for key in global zone; do
  file="$keys/global/$key.key"
  [ -s "$file" ] || $atollctl generate sealing-key > "$file"
done
certificate() {
  [ -s "$keys/$1.crt" ] || $atollctl generate tls-certificate --type server --hostname "$2" --key-file "$keys/$1.pem" --cert-file "$keys/$1.crt"
}
certificate global global,localhost,127.0.0.1
certificate tokens tokens,localhost,127.0.0.1
certificate zone-east zone-east,xds-east,localhost,127.0.0.1
certificate zone-west zone-west,xds-west,localhost,127.0.0.1
# The services run as this user.
chmod 0600 "$keys"/*.pem "$keys"/global/*.key
[ "$(id -u)" != 0 ] || chown -R 65532:65532 "$keys"
