/* Every function of fervor.h, from several threads, with what it must not be given. */

#include <fervor.h>

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(what)                                                                \
    do {                                                                           \
        if (!(what)) {                                                             \
            fprintf(stderr, "line %d does not hold: %s\n", __LINE__, #what);       \
            exit(1);                                                               \
        }                                                                          \
    } while (0)

static const size_t MOST = 1 << 22;

struct shared {
    const fervor_analyzer *analyzer;
    const uint8_t *bytes;
    size_t length;
    float confidence;
};

static void *same_answer(void *given) {
    const struct shared *shared = (const struct shared *)given;
    for (int i = 0; i < 3; i++) {
        fervor_answer *answer = fervor_analyze_file(shared->analyzer, shared->bytes, shared->length, "thread");
        fervor_face face;
        CHECK(fervor_get_face(answer, 0, &face));
        CHECK(fabsf(face.confidence - shared->confidence) < 1e-6f);
        fervor_free_answer(answer);
    }
    return NULL;
}

static void answers(const fervor_analyzer *analyzer, const uint8_t *bytes, size_t length) {
    fervor_answer *answer = fervor_analyze_file(analyzer, bytes, length, "astronaut.png");
    CHECK(fervor_error(answer) == NULL);
    CHECK(fervor_faces(answer) == 1);
    fervor_face face;
    CHECK(fervor_get_face(answer, 0, &face));
    CHECK(!fervor_get_face(answer, 1, &face) && !fervor_get_face(answer, 0, NULL));
    CHECK(strcmp(face.label, "happy") == 0 && face.confidence > 0.5f && !face.uncertain);
    CHECK(strncmp(face.words, "looks happy", 11) == 0);
    CHECK(face.width > 50 && face.x > 100 && face.score > 0.8f && face.flags == 0);
    CHECK(face.has_landmarks && face.landmarks[0][0] < face.landmarks[1][0]);
    CHECK(face.classes == fervor_labels(analyzer));
    float sum = 0;
    for (size_t i = 0; i < face.classes; i++) {
        sum += face.probabilities[i];
        if (strcmp(fervor_label(analyzer, i), face.label) == 0) CHECK(face.probabilities[i] == face.confidence);
    }
    CHECK(fabsf(sum - 1) < 1e-4f);
    const char *json = fervor_json(answer);
    CHECK(strstr(json, "\"schema\":\"fervor.prediction/1\"") && strstr(json, "\"source\":\"astronaut.png\""));

    fervor_tracker *tracker = fervor_track_faces(0.5);
    fervor_track tracks[2];
    for (int i = 0; i < 3; i++) {
        CHECK(fervor_update(tracker, answer, i / 25.0, tracks, 2) == 1);
        CHECK(tracks[0].track == 1 && fabs(tracks[0].age - i / 25.0) < 1e-9);
        CHECK(strcmp(fervor_label(analyzer, tracks[0].label), "happy") == 0);
    }
    CHECK(fervor_update(tracker, answer, 1, NULL, 0) == 1);
    CHECK(fervor_update(NULL, answer, 1, tracks, 2) == 0 && fervor_update(tracker, NULL, 1, tracks, 2) == 0);
    fervor_free_tracker(tracker);
    fervor_free_tracker(NULL);

    struct shared shared = {analyzer, bytes, length, face.confidence};
    pthread_t threads[4];
    for (int i = 0; i < 4; i++) CHECK(pthread_create(&threads[i], NULL, same_answer, &shared) == 0);
    for (int i = 0; i < 4; i++) CHECK(pthread_join(threads[i], NULL) == 0);
    fervor_free_answer(answer);
}

static void pixels(const fervor_analyzer *analyzer) {
    enum { WIDE = 50, HIGH = 40, STRIDE = 160 };
    uint8_t *rgb = (uint8_t *)malloc(STRIDE * (HIGH - 1) + 3 * WIDE);
    memset(rgb, 90, STRIDE * (HIGH - 1) + 3 * WIDE);
    fervor_answer *answer = fervor_analyze_rgb(analyzer, rgb, WIDE, HIGH, STRIDE, NULL);
    CHECK(fervor_error(answer) == NULL && fervor_faces(answer) == 0);
    CHECK(strstr(fervor_json(answer), "\"width\":50,\"height\":40"));
    fervor_free_answer(answer);
    const struct { uint32_t width, height; size_t stride; } odd[] = {{0, 40, 0}, {50, 0, 0}, {50, 40, 149}, {50, 40, SIZE_MAX}, {50, 40, SIZE_MAX / 40}};
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
        answer = fervor_analyze_rgb(analyzer, rgb, odd[i].width, odd[i].height, odd[i].stride, "odd");
        CHECK(strstr(fervor_error(answer), "not an RGB picture"));
        fervor_free_answer(answer);
    }
    answer = fervor_analyze_rgb(analyzer, NULL, 4, 4, 0, NULL);
    CHECK(fervor_error(answer) != NULL);
    fervor_free_answer(answer);
    free(rgb);
}

static void mistakes(const fervor_analyzer *analyzer) {
    fervor_answer *answer = fervor_analyze_file(analyzer, (const uint8_t *)"text", 4, "notes.txt");
    CHECK(strstr(fervor_error(answer), "not a picture") && fervor_faces(answer) == 0);
    CHECK(strstr(fervor_json(answer), "\"reason\":\"not_a_picture\""));
    fervor_free_answer(answer);
    answer = fervor_analyze_file(analyzer, NULL, 7, NULL);
    CHECK(fervor_error(answer) != NULL);
    fervor_free_answer(answer);
    CHECK(fervor_analyze_file(NULL, NULL, 0, NULL) == NULL);
    CHECK(fervor_error(NULL) == NULL && fervor_json(NULL) == NULL && fervor_faces(NULL) == 0);
    CHECK(fervor_labels(NULL) == 0 && fervor_label(NULL, 0) == NULL && fervor_label(analyzer, 99) == NULL);
    fervor_free_answer(NULL);
    fervor_free_text(NULL);
    fervor_close(NULL);

    char *error = NULL;
    CHECK(fervor_open("no-such-model", NULL, &error) == NULL && error != NULL);
    fervor_free_text(error);
    error = NULL;
    CHECK(fervor_open(NULL, NULL, &error) == NULL && error != NULL);
    fervor_free_text(error);
    error = NULL;
    CHECK(fervor_open_bytes((const uint8_t *)"no bundle", 9, NULL, &error) == NULL && error != NULL);
    fervor_free_text(error);
    fervor_options options = fervor_default_options();
    options.long_side = 3;
    error = NULL;
    CHECK(fervor_open("fervor-nano", &options, &error) == NULL && strstr(error, "long side"));
    fervor_free_text(error);
    CHECK(fervor_open("no-such-model", NULL, NULL) == NULL);
}

int main(int count, char **arguments) {
    CHECK(count == 2);
    FILE *file = fopen(arguments[1], "rb");
    CHECK(file);
    uint8_t *bytes = (uint8_t *)malloc(MOST);
    const size_t length = fread(bytes, 1, MOST, file);
    fclose(file);
    CHECK(length > 1000 && length < MOST && strlen(fervor_version()) >= 5);

    fervor_options options = fervor_default_options();
    CHECK(options.long_side == 640 && options.turns && !options.detail && !options.whole);
    options.long_side = 320;
    options.threads = 1;
    char *error = NULL;
    fervor_analyzer *analyzer = fervor_open("fervor-nano", &options, &error);
    CHECK(analyzer && !error);
    answers(analyzer, bytes, length);
    pixels(analyzer);
    mistakes(analyzer);
    fervor_close(analyzer);

    analyzer = fervor_open("fervor-48", NULL, NULL);
    CHECK(analyzer && fervor_labels(analyzer) == 7);
    fervor_answer *answer = fervor_analyze_file(analyzer, bytes, length, NULL);
    CHECK(fervor_faces(answer) == 1);
    fervor_free_answer(answer);
    fervor_close(analyzer);
    free(bytes);
    puts("all of it holds");
    return 0;
}
