/* Both tables are consistent. */
#include "check.h"
#include "owu.h"

static void test_tables(void) {
    owu_error err = {0};
    CHECK_INT_EQ(owu_schema_check(&err), OWU_OK);
    CHECK_STR_EQ(err.message, "");
}

static void test_lookups(void) {
    const owu_model *model = owu_model_find("UserModel");
    CHECK(owu_model_find("NoModel") == NULL);
    if (CHECK(model != NULL)) {
        CHECK_INT_EQ(owu_model_field(model, "id", 2, 0), 0);
        CHECK_INT_EQ(owu_model_field(model, "ID", 2, 0), -1);
        CHECK_INT_EQ(owu_model_field(model, "id", 2, 5), 0);
    }
    CHECK(owu_endpoint_find("users", "get_users") != NULL);
    CHECK(owu_endpoint_find("users", "nothing") == NULL);
}

int main(void) {
    RUN(test_tables);
    RUN(test_lookups);
    return check_failures();
}
