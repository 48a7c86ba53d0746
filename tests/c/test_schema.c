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

static void test_pages(void) {
    CHECK_INT_EQ(owu_model_page(owu_model_find("UserListResponse")), 0);
    CHECK_INT_EQ(owu_model_page(owu_model_find("GroupMembersResponse")), 0);
    CHECK_INT_EQ(owu_model_page(owu_model_find("UserModel")), -1);
    CHECK_INT_EQ(owu_model_page(owu_model_find("ChannelModel")), -1); /* has a list of grants */
    CHECK_INT_EQ(owu_model_page(owu_model_find("UserPreview")), -1);
    CHECK_INT_EQ(owu_model_page(owu_model_find("ActiveUsersResponse")), -1); /* of texts */
}

int main(void) {
    RUN(test_tables);
    RUN(test_lookups);
    RUN(test_pages);
    return check_failures();
}
