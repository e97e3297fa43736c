#!/bin/sh
# Serves a lab of scale over RRDP on loopback, by nginx, until it is killed.
#
#   benches/serve-scale.sh LAB WORK
#
# LAB is a directory that `provost lab generate --scale` wrote; keys, configuration and logs go to
# WORK. The TLS root is WORK/root.pem: provost takes --root-cert, routinator --rrdp-root-cert.
set -eu
lab=$(cd "$1" && pwd)
mkdir -p "$2"
work=$(cd "$2" && pwd)
hosts=$(cd "$lab/rrdp" && ls)

if [ ! -e "$work/server.pem" ]; then
    openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj "/CN=Lab of scale" \
        -keyout "$work/root.key" -out "$work/root.pem" 2>/dev/null
    names=$(for host in $hosts; do printf 'IP:%s,' "$host"; done)
    printf 'subjectAltName=%s\nbasicConstraints=CA:FALSE\nextendedKeyUsage=serverAuth\n' \
        "${names%,}" >"$work/server.ext"
    openssl req -newkey rsa:2048 -nodes -subj "/CN=Lab of scale, server" \
        -keyout "$work/server.key" -out "$work/server.csr" 2>/dev/null
    openssl x509 -req -in "$work/server.csr" -CA "$work/root.pem" -CAkey "$work/root.key" \
        -CAcreateserial -days 30 -extfile "$work/server.ext" -out "$work/server.pem" 2>/dev/null
fi
{
    echo "daemon off; worker_processes 1; pid $work/nginx.pid; error_log $work/error.log;"
    [ "$(id -u)" != 0 ] || echo "user root;"
    echo "events { worker_connections 512; }"
    echo "http {"
    echo "    access_log $work/access.log; sendfile on; etag on; default_type application/xml;"
    echo "    client_body_temp_path $work/t1; proxy_temp_path $work/t2; fastcgi_temp_path $work/t3;"
    echo "    uwsgi_temp_path $work/t4; scgi_temp_path $work/t5;"
    echo "    server {"
    for host in $hosts; do
        echo "        listen $host:8443 ssl;"
    done
    echo "        ssl_certificate $work/server.pem; ssl_certificate_key $work/server.key;"
    echo "        location /rrdp/ { alias $lab/rrdp/\$server_addr/; }"
    echo "        location /ta/ { alias $lab/\$server_addr/ta/; }"
    echo "    }"
    echo "}"
} >"$work/nginx.conf"
exec nginx -e "$work/error.log" -c "$work/nginx.conf"
