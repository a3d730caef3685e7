/* Fervor for C: finds the faces of a picture and says which expression each shows.
 *
 *     fervor_analyzer *analyzer = fervor_open("fervor-nano", NULL, NULL);
 *     fervor_answer *answer = fervor_analyze_file(analyzer, bytes, length, "photo.jpg");
 *     for (size_t i = 0; i < fervor_faces(answer); i++) {
 *         fervor_face face;
 *         fervor_get_face(answer, i, &face);
 *         printf("looks %s: %.0f %%\n", face.label, 100 * face.confidence);
 *     }
 *     fervor_free_answer(answer);
 *     fervor_close(analyzer);
 *
 * There are no globals. One analyzer may be used by any number of threads at once; an answer and a tracker by one at a time.
 * Nothing here ends the program: what goes wrong is told, and a function that is given NULL where it must not be gives NULL or 0. A
 * picture that is NULL, as one that cannot be read, has an answer that says so: fervor_error().
 * An expression is how a face looks; it does not tell what a person feels. */

#ifndef FERVOR_H
#define FERVOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A model with what finds its faces. */
typedef struct fervor_analyzer fervor_analyzer;
/* All that is said of one picture: its faces, or why there is no answer. */
typedef struct fervor_answer fervor_answer;
/* Joins the faces of successive frames. */
typedef struct fervor_tracker fervor_tracker;

/* How faces are looked for. Begin with fervor_default_options(). */
typedef struct fervor_options {
    /* The picture's longer side in the detector's input, 64 to 4096: 640. 320 takes a quarter of the time and misses small faces. */
    uint32_t long_side;
    /* The least score of a face, 0 to 1: 0.7. */
    float threshold;
    /* At most so many faces: 1000. */
    uint32_t max_faces;
    /* Looks at all detail, for small faces in large pictures: false. */
    bool detail;
    /* Looks for faces that lie on their side or stand on their head, where none is clearly upright: true. */
    bool turns;
    /* Takes every picture as one face: false. */
    bool whole;
    /* Threads of one picture; 0: all cores. Where several threads analyze at once, 1 is best. */
    uint32_t threads;
} fervor_options;

/* Reasons to trust an answer less, as bits of fervor_face.flags. */
enum {
    FERVOR_SMALL = 1,
    FERVOR_DOUBTFUL = 2,
    FERVOR_PROFILE = 4,
    FERVOR_BLURRED = 8,
    FERVOR_DARK = 16,
    FERVOR_FLAT = 32,
    FERVOR_CUT_OFF = 64,
    FERVOR_TURNED = 128,
};

/* A face. Pointers in it live as long as the answer. */
typedef struct fervor_face {
    /* The box, in pixels of the upright picture. */
    float x, y, width, height;
    /* The detector's score, 0 to 1; negative where the picture was taken as one face. */
    float score;
    /* Left eye, right eye, nose, left and right corner of the mouth, as the viewer sees them; valid where has_landmarks. */
    float landmarks[5][2];
    bool has_landmarks;
    /* The most probable class, and its probability. */
    const char *label;
    float confidence;
    /* Whether no class reaches one half. */
    bool uncertain;
    /* "looks happy, 95 %" */
    const char *words;
    uint32_t flags;
    /* A probability for each class, in the order of fervor_label(). */
    const float *probabilities;
    size_t classes;
} fervor_face;

/* A face as its track knows it. */
typedef struct fervor_track {
    /* The track's number, from 1. */
    uint64_t track;
    /* Seconds since it began. */
    double age;
    /* The class that is most probable over time: its place among fervor_label(), and its smoothed probability. */
    size_t label;
    float confidence;
    bool uncertain;
} fervor_track;

/* The version, as "0.1.0". */
const char *fervor_version(void);

fervor_options fervor_default_options(void);

/* Loads a model: a built-in one's name ("fervor-48", "fervor-nano") or the path of a bundle. `options` may be NULL. NULL on failure;
 * why is then in `*error`, if that is not NULL, to be freed with fervor_free_text(). */
fervor_analyzer *fervor_open(const char *model, const fervor_options *options, char **error);

/* The same of the bytes of a bundle's file. */
fervor_analyzer *fervor_open_bytes(const uint8_t *bytes, size_t length, const fervor_options *options, char **error);

void fervor_close(fervor_analyzer *analyzer);

/* How many classes the model has, and the name of one; NULL beyond. Names live as long as the analyzer. */
size_t fervor_labels(const fervor_analyzer *analyzer);
const char *fervor_label(const fervor_analyzer *analyzer, size_t index);

/* The answer to a picture as a file's bytes: JPEG, PNG, WebP, BMP, GIF, TIFF. `source` is how the answer calls it, and may be NULL. */
fervor_answer *fervor_analyze_file(const fervor_analyzer *analyzer, const uint8_t *bytes, size_t length, const char *source);

/* The answer to pixels: red, green, blue, rows from top to bottom, `stride` bytes from one row to the next (0: 3 * width). */
fervor_answer *fervor_analyze_rgb(const fervor_analyzer *analyzer, const uint8_t *rgb, uint32_t width, uint32_t height, size_t stride,
                                  const char *source);

void fervor_free_answer(fervor_answer *answer);

/* Why there is no answer, or NULL where there is one. No face is an answer. */
const char *fervor_error(const fervor_answer *answer);

/* How many faces there are, the largest first, and one of them; false beyond. */
size_t fervor_faces(const fervor_answer *answer);
bool fervor_get_face(const fervor_answer *answer, size_t index, fervor_face *face);

/* The answer as JSON, fervor.prediction/1, as every program of Fervor writes it. Lives as long as the answer. */
const char *fervor_json(const fervor_answer *answer);

/* A tracker; `smoothing` in seconds, usually 0.5. */
fervor_tracker *fervor_track_faces(double smoothing);

/* Follows the faces of a frame at `seconds`, which never go back; writes as many tracks as there are faces and room, in the order of the faces. Gives how
 * many faces there are. */
size_t fervor_update(fervor_tracker *tracker, const fervor_answer *answer, double seconds, fervor_track *tracks, size_t room);

void fervor_free_tracker(fervor_tracker *tracker);

void fervor_free_text(char *text);

#ifdef __cplusplus
}
#endif

#endif
