import { RemovalPolicy } from 'aws-cdk-lib';
import * as dynamodb from 'aws-cdk-lib/aws-dynamodb';
import { Construct } from 'constructs';

/** The table in which dynamoslog keeps stories. */
export class Stories extends Construct {
  readonly table: dynamodb.Table;

  constructor(scope: Construct, id: string) {
    super(scope, id);
    this.table = new dynamodb.Table(this, 'Table', {
      tableName: 'app-logs',
      partitionKey: { name: 'object', type: dynamodb.AttributeType.STRING },
      sortKey: { name: 'story', type: dynamodb.AttributeType.STRING },
      timeToLiveAttribute: 'expires_at',
      billingMode: dynamodb.BillingMode.PAY_PER_REQUEST,
      removalPolicy: RemovalPolicy.RETAIN,
    });
    this.table.addGlobalSecondaryIndex({
      indexName: 'recent',
      partitionKey: { name: 'recent', type: dynamodb.AttributeType.STRING },
      sortKey: { name: 'story', type: dynamodb.AttributeType.STRING },
      projectionType: dynamodb.ProjectionType.INCLUDE,
      nonKeyAttributes: ['title', 'level', 'lines', 'updated', 'duration_ms', 'state', 'parts', 'attrs', 'expires_at', 'key', 'v', 'cause', 'problem'],
    });
  }
}
