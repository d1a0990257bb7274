import { RemovalPolicy } from 'aws-cdk-lib';
import * as dynamodb from 'aws-cdk-lib/aws-dynamodb';
import * as iam from 'aws-cdk-lib/aws-iam';
import { Construct } from 'constructs';

/** The table in which dynamoslog keeps stories. */
export class Stories extends Construct {
  readonly table: dynamodb.Table;

  /** Makes and checks the table of stories, and removes stories. */
  readonly admin: iam.ManagedPolicy;

  constructor(scope: Construct, id: string) {
    super(scope, id);
    this.table = new dynamodb.Table(this, 'Table', {
      tableName: 'app-logs',
      partitionKey: { name: 'object', type: dynamodb.AttributeType.STRING },
      sortKey: { name: 'story', type: dynamodb.AttributeType.STRING },
      timeToLiveAttribute: 'expires_at',
      billingMode: dynamodb.BillingMode.PROVISIONED,
      readCapacity: 16,
      writeCapacity: 16,
      removalPolicy: RemovalPolicy.RETAIN,
    });
    this.table.addGlobalSecondaryIndex({
      indexName: 'recent',
      partitionKey: { name: 'recent', type: dynamodb.AttributeType.STRING },
      sortKey: { name: 'story', type: dynamodb.AttributeType.STRING },
      projectionType: dynamodb.ProjectionType.INCLUDE,
      nonKeyAttributes: ['title', 'level', 'lines', 'updated', 'duration_ms', 'state', 'parts', 'attrs', 'expires_at', 'key', 'v', 'cause', 'problem'],
      readCapacity: 9,
      writeCapacity: 9,
    });
    this.admin = new iam.ManagedPolicy(this, 'Admin', {
      description: 'Makes and checks the table of stories, and removes stories',
      statements: [
        new iam.PolicyStatement({
          sid: 'Table',
          actions: ['dynamodb:BatchWriteItem', 'dynamodb:CreateTable', 'dynamodb:DescribeTable', 'dynamodb:DescribeTimeToLive', 'dynamodb:GetItem', 'dynamodb:Query', 'dynamodb:UpdateTimeToLive'],
          resources: [this.table.tableArn],
        }),
        new iam.PolicyStatement({
          sid: 'Index',
          actions: ['dynamodb:Query'],
          resources: [`${this.table.tableArn}/index/recent`],
        }),
      ],
    });
  }
}
