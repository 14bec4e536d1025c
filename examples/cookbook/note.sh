#!/bin/sh
# Stands for a mail or a chat message: note.sh FILE TEXT…
set -eu
file=$1
shift
echo "$*" >> "$file"
