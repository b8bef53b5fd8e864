#!/usr/bin/env bash
# assess.sh MODEL TRAIN POPULATION SCHEMA NAME: hand in a model over the API, wait, stop with 3 when a limit is not met.
# INVERSIGHT_URL and INVERSIGHT_TOKEN name the installation and the service account's token. Needs curl and jq.
set -euo pipefail
model="$1" train="$2" population="$3" schema="$4" name="$5"
api="${INVERSIGHT_URL%/}/api/v1"

ask() { # METHOD PATH [curl options]: the answer's JSON; one sentence and exit 1 where it was refused
    local method="$1" path="$2" answer code
    shift 2
    answer="$(mktemp)"
    code="$(curl --silent --show-error --output "$answer" --write-out '%{http_code}' --request "$method" \
        --header @<(echo "Authorization: Bearer $INVERSIGHT_TOKEN") "$@" "$api$path")"
    if [ "$code" -ge 400 ]; then
        jq --raw-output '.problem // "The installation answered \(.)"' "$answer" >&2
        exit 1
    fi
    cat "$answer"
}

post() { ask POST "$1" --header 'Content-Type: application/json' --data-binary @-; }

upload() { # KIND FILE: the id of the upload, once a worker could open it
    local id size offset=0 piece=4194304
    size="$(stat --format %s "$2")"
    id="$(jq --null-input --arg kind "$1" --arg filename "$(basename "$2")" --argjson size "$size" '$ARGS.named' | post /uploads/ | jq --raw-output .id)"
    while [ "$offset" -lt "$size" ]; do
        tail --bytes=+$((offset + 1)) "$2" | head --bytes=$piece >"$scratch/piece" || true
        ask PUT "/uploads/$id/?offset=$offset" --header 'Content-Type: application/octet-stream' --data-binary @"$scratch/piece" >/dev/null
        offset=$((offset + piece))
    done
    until [ "$(ask GET "/uploads/$id/" | jq .checked)" = true ]; do sleep 1; done
    echo "$id"
}

scratch="$(mktemp -d)"
trap 'rm -rf "$scratch"' EXIT
system="$(ask GET /systems/ | jq --arg name "$name" '[.results[] | select(.name == $name)][0].id')"
[ "$system" != null ] || system="$(jq --null-input --arg name "$name" '$ARGS.named + {release: "scores"}' | post /systems/ | jq .id)"
echo "Sending $model, $train and $population" >&2
version="$(jq --null-input --arg upload "$(upload model "$model")" --argjson system "$system" --arg name "$name" '$ARGS.named' | post /model-versions/ | jq .id)"
for part in train population; do
    jq --null-input --arg upload "$(upload data "${!part}")" --arg name "$name $part" --rawfile schema "$schema" '$ARGS.named' |
        post /dataset-versions/ | jq .id >"$scratch/$part"
done
id="$(jq --null-input --argjson model_version "$version" --argjson train "$(cat "$scratch/train")" --argjson population "$(cat "$scratch/population")" \
    '$ARGS.named' | post /assessments/ | jq --raw-output .id)"

while :; do
    handed="$(ask GET "/submissions/$id/")"
    case "$(jq --raw-output .status <<<"$handed")" in
        submitted) break ;;
        refused) jq --raw-output .sentence <<<"$handed" >&2; exit 1 ;;
    esac
    sleep 2
done
echo "Submitted: ${INVERSIGHT_URL%/}/assessments/$id/" >&2
while :; do
    state="$(ask GET "/assessments/$id/" | jq --raw-output .state)"
    case "$state" in submitted | running) sleep 5 ;; *) break ;; esac
done
gate="$(ask GET "/assessments/$id/gate/?fail_on=not_satisfied")"
jq --raw-output '.reasons[] | "\(.rule): \(.reason)"' <<<"$gate" >&2
[ "$(jq .passed <<<"$gate")" = true ] || exit 3
