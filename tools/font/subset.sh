#!/bin/sh
# Makes the two fonts that charts, reports and annotated pictures are set in: Latin subsets of Inter.
# Source: Debian package fonts-inter 4.0~beta7+ds-1 (/usr/share/fonts/opentype/inter). Needs Python's fonttools (made with 4.68.0).
# Usage, from the repository's root: PYFTSUBSET=pyftsubset tools/font/subset.sh [FOLDER_OF_INTER]
set -eu
source_folder=${1:-/usr/share/fonts/opentype/inter}
# Basic Latin, Latin-1, Latin Extended-A, and the punctuation, arrows and signs that the reports use.
unicodes='U+0020-007E,U+00A0-017F,U+0192,U+0218-021B,U+02C6,U+02DC,U+2010-2015,U+2018-201E,U+2020-2022,U+2026,U+202F,U+2030,U+2039,U+203A,U+2044,U+20AC,U+2122,U+2190-2193,U+2212,U+2248,U+2260,U+2264,U+2265'
for style in Regular SemiBold; do
    "${PYFTSUBSET:-pyftsubset}" "$source_folder/Inter-$style.otf" \
        --output-file="crates/fervor/assets/Inter-$style.otf" \
        --unicodes="$unicodes" --layout-features='kern,ccmp,locl,mark,mkmk,tnum' --no-hinting --desubroutinize --name-IDs='*'
done
