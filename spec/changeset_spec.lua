local finspace = require("finspace")

describe("finspace.verbs.changeset", function()
  it(
    "reads the later form: an answer of GetChangeset",
    function()
      assert.same(
        {
          id = "c1",
          dataset_id = "d1",
          arn = "arn:c1",
          status = "FAILED",
          change_type = "APPEND",
          source = { sourceType = "S3", s3SourcePath = "s3://b/k" },
          format = { formatType = "CSV", withHeader = "true" },
          created_at = 1638316800123,
          active_from = 1,
          active_until = 2,
          updates = "c0",
          updated_by = "c2",
          error_category = "VALIDATION",
          error_message = "row 7",
        },
        finspace.changeset {
          changesetId = "c1",
          datasetId = "d1",
          changesetArn = "arn:c1",
          status = "FAILED",
          changeType = "APPEND",
          sourceParams = { sourceType = "S3", s3SourcePath = "s3://b/k" },
          formatParams = { formatType = "CSV", withHeader = "true" },
          createTime = 1638316800123,
          activeFromTimestamp = 1,
          activeUntilTimestamp = 2,
          updatesChangesetId = "c0",
          updatedByChangesetId = "c2",
          errorInfo = { errorCategory = "VALIDATION", errorMessage = "row 7" },
        }
      )
    end
  )

  it(
    "reads the 2021-05 form into the same words",
    function()
      assert.same(
        {
          id = "c1",
          dataset_id = "d1",
          status = "FAILED",
          change_type = "REPLACE",
          source = { sourceType = "S3", s3SourcePath = "s3://b/k" },
          format = { formatType = "CSV" },
          labels = { team = "rates" },
          created_at = 1638316800123,
          error_category = "SERVICE_QUOTA_EXCEEDED",
          error_message = "too many",
        },
        finspace.changeset {
          changeset = {
            id = "c1",
            datasetId = "d1",
            status = "FAILED",
            changeType = "REPLACE",
            sourceType = "S3",
            sourceParams = { s3SourcePath = "s3://b/k" },
            formatType = "CSV",
            changesetLabels = { team = "rates" },
            createTimestamp = 1638316800.123,
            errorInfo = { errorCategory = "Service_limits_have_been_exceeded", errorMessage = "too many" },
          },
        }
      )
    end
  )

  it("knows every sentence that stands for an error category", function()
    local sentences = {
      The_inputs_to_this_request_are_invalid = "VALIDATION",
      Service_limits_have_been_exceeded = "SERVICE_QUOTA_EXCEEDED",
      Missing_required_permission_to_perform_this_request = "ACCESS_DENIED",
      One_or_more_inputs_to_this_request_were_not_found = "RESOURCE_NOT_FOUND",
      The_system_temporarily_lacks_sufficient_resources_to_process_the_request = "THROTTLING",
      An_internal_error_has_occurred = "INTERNAL_SERVICE_EXCEPTION",
      Cancelled = "CANCELLED",
      A_user_recoverable_error_has_occurred = "USER_RECOVERABLE",
    }
    for sentence, category in pairs(sentences) do
      local read = finspace.changeset { errorInfo = { errorCategory = sentence } }
      assert.equal(category, read.error_category)
      assert.equal(category, finspace.changeset({ errorInfo = { errorCategory = category } }).error_category)
    end
  end)

  it("reads an answer of CreateChangeset, which has the ids alone, and does not change what it reads", function()
    local answer = { datasetId = "d1", changesetId = "c1" }
    assert.same({ id = "c1", dataset_id = "d1" }, finspace.changeset(answer))
    assert.same({ datasetId = "d1", changesetId = "c1" }, answer)
  end)
end)
